comment on table app_private.worker_heartbeats is 'When each worker last said that it is alive.';
