# rows of the packet tests
