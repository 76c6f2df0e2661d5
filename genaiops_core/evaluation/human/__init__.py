"""Human reviews and labels, and how far judges agree with them."""
