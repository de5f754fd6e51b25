drop schema governance cascade;
