# rows of the decide tests
