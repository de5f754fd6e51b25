-- Shares and their audit are the owner's: a recipient reads app_public.received_shares(). Only functions write.
call app_private.secure_tenant_table('app_public.resource_shares');
call app_private.secure_tenant_table('app_public.resource_sharing_audit');

drop policy if exists select_member on app_public.resource_shares;
create policy select_member on app_public.resource_shares for select to rowhouse_user using (true);

drop policy if exists select_permitted on app_public.resource_sharing_audit;
create policy select_permitted on app_public.resource_sharing_audit for select to rowhouse_user
  using ((select app_hidden.has_permission('can_view_audit')));
