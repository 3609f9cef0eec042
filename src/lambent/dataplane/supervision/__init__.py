"""Child processes: started in one place, ended by a ladder, exits typed."""
