-- Signals and beliefs
-- Panels
-- Conversations
drop schema conversation cascade;
