"""What goes out: claimed, handed to a provider with no transaction open, accounted for."""
