# rows of gslb/
