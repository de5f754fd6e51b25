-- What checks of tables call, whoever writes.
grant execute on function app_hidden.is_semantic_version(text), app_hidden.is_color(text), app_hidden.is_image_url(text),
  app_hidden.is_visible_resource(text, uuid), app_hidden.placeholder_pattern(), app_hidden.placeholder_names(text)
to rowhouse_user, rowhouse_platform;
