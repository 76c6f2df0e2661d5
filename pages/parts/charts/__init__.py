"""Values in, Plotly figure out."""
