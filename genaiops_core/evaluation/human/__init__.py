"""Human labels and reviews, and judge-human agreement."""
