drop table app_public.agents cascade;
drop table app_public.llm_models cascade;
drop table app_public.llm_providers cascade;
drop type app_public.llm_provider_kind cascade;
drop type app_public.vector_quantization cascade;
drop type app_public.llm_model_kind cascade;
drop type app_public.agent_status_enum cascade;
