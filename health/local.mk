# rows of health/
