# rows of the geo tests
