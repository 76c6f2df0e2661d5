"""Plotly figures from plain values, and the cards and series that several screens share."""
