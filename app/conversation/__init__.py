"""One turn, whole: lock the contact, step, look up, save, answer; abandoned ones swept."""
