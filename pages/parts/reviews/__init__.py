"""Human reviews, labels and judge-human agreement."""
