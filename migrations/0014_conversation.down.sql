-- Signals and beliefs
-- Panels
-- Conversations
drop table app_public.message_feedback, app_public.messages, app_public.expert_consultations cascade;
drop type app_public.sent_message, app_public.message_part, app_public.new_message_part cascade;
drop domain app_public.answer_rating, app_public.message_part_kind, app_public.message_status, app_public.message_role,
  app_public.conversation_status cascade;
drop schema conversation cascade;
