# rows of gslb: control
