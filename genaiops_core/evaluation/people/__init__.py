"""What people say of answers: reviews and labels, and how far judges agree with them."""
