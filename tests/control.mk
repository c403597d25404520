# rows of the control tests
