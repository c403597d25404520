# rows of the gslb tests
