-- Recall
-- Memories
drop schema memory cascade;
