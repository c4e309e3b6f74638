"""One case from its files to its folder of results, one by one or thousands of them."""
