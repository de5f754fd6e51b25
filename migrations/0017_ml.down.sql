-- Predictions
-- Training
-- Features
-- Registry
drop schema ml cascade;
