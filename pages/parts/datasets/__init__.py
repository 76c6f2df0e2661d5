"""The screen Datasets, and the dialogs of other screens that add cases to a dataset."""
