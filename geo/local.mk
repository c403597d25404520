# rows of geo/
