# rows of the health tests
