call app_private.secure_global_table('app_private.materialized_views');
call app_private.secure_global_table('app_private.materialized_view_alerts');
