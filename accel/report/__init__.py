"""What a run leaves behind and how runs are compared: the record, its pages and tables. No torch here."""
