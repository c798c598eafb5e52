"""The only place that writes SQL. Functions take a connection first and never commit."""
