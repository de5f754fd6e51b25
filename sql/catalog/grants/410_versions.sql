grant select on app_public.resource_versions to rowhouse_user;
grant execute on function app_hidden.is_semantic_version(text), app_hidden.is_color(text), app_hidden.is_image_url(text) to rowhouse_user, rowhouse_platform;
