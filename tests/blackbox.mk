# rows of the blackbox tests
