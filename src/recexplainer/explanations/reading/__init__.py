"""What a text says, from its words alone: titles, clauses, which way things work, what is shared. f is not asked."""
