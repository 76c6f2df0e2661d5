"""The screens Releases and Prompts."""
