# rows of zones/
