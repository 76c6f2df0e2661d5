"""What every screen uses: the guard and frame, filters, dialogs, tables and units."""
