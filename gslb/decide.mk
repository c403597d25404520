# rows of gslb: decide
