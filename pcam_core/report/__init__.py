"""The report of a run: figures drawn from artifacts, and the one HTML page that holds them."""
