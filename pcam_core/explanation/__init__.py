"""Which pixels speak for tumour, by two methods, and whether the answer can be believed."""
