# rows of gslb: packet
