# rows of man/
