drop table helpdesk.tickets cascade;
drop domain helpdesk.ticket_status cascade;
