# rows of the zones tests
