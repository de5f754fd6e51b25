create or replace trigger _500_note_changed_sources_of_added after insert on app_public.documents
  referencing new table as changed
  for each statement execute function app_private.tg_documents__note_changed_sources();
create or replace trigger _500_note_changed_sources_of_removed after delete on app_public.documents
  referencing old table as changed
  for each statement execute function app_private.tg_documents__note_changed_sources();
create or replace trigger _500_note_source_progress after update on app_public.documents
  referencing old table as old_documents new table as new_documents
  for each statement execute function app_private.tg_documents__note_source_progress();
