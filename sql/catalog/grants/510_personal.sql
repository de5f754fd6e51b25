grant select, delete on app_public.user_agents to rowhouse_user;
grant insert (
  agent_id, original_agent_id, folder, tags, is_pinned, sort_order, custom_name, custom_description, custom_avatar,
  custom_color, custom_system_prompt, settings
) on app_public.user_agents to rowhouse_user;
grant update (
  folder, tags, is_pinned, sort_order, custom_name, custom_description, custom_avatar, custom_color,
  custom_system_prompt, settings
) on app_public.user_agents to rowhouse_user;

-- favorites and ratings are made by functions; what one adds to a favorite is written directly
grant select on app_public.user_favorites, app_public.user_ratings, app_public.user_rating_votes to rowhouse_user;
grant update (notes, metadata) on app_public.user_favorites to rowhouse_user;

grant select, insert, update, delete on app_public.user_agents, app_public.user_favorites, app_public.user_ratings,
  app_public.user_rating_votes to rowhouse_platform;
