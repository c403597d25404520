# rows of gslb: daemon
