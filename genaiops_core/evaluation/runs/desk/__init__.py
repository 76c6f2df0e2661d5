"""The desk: order among the paid calls of one run. Journal, pace, retries, spend limit and prices meet here."""
