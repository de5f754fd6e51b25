grant select, insert, update, delete on app_private.search_postings to rowhouse_platform;
