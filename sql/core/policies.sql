call app_private.secure_global_table('app_private.worker_heartbeats');
