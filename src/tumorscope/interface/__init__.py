"""The Python interface: what ``import tumorscope`` offers, as thin functions over the packages."""
