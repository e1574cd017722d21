"""Catalog queries, and checks that find gaps in row-level security."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import text

from app.core.tenancy.row_security import build_tenant_condition

TENANTS_TABLE = "tenants"
PUBLIC_ROLES = [0]  # The OID that the catalog stores for TO PUBLIC.
KERNEL_FUNCTIONS = ("find_tenant(text)", "list_tenants()")

CatalogRow = Mapping[str, Any]

# The privileges of the session's role, including those of roles that it can assume.
ROLE = text("""
SELECT
    quote_ident(session_user) AS name,
    bool_or(rolsuper) AS is_superuser,
    bool_or(rolbypassrls) AS bypasses_policies,
    bool_or(rolcreaterole OR rolreplication OR rolname IN (
        'pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'
    )) AS can_escalate,
    bool_or(
        EXISTS (SELECT FROM pg_database WHERE datname = current_database() AND datdba = roles.oid)
        OR EXISTS (SELECT FROM pg_class WHERE relowner = roles.oid AND relpersistence <> 't')
        OR EXISTS (SELECT FROM pg_proc WHERE proowner = roles.oid)
    ) AS owns_objects,
    EXISTS (
        SELECT FROM pg_namespace
        WHERE nspname !~ '^(pg_|information_schema$)'
            AND has_schema_privilege(session_user, oid, 'CREATE')
    ) AS can_create
FROM pg_roles AS roles
WHERE pg_has_role(session_user, oid, 'MEMBER')
""")

# Tables and views, except those of extensions, with the privileges of a role and of the roles that
# it can assume.
RELATIONS = text("""
SELECT
    relation.oid::regclass::text AS name,
    concat_ws('.', nullif(nspname, current_schema()), relname) AS key,
    relkind::text AS kind,
    relowner::bigint AS owner,
    relrowsecurity AND relforcerowsecurity AS is_forced,
    coalesce(
        reloptions::text ~* 'security_invoker=(t|true|on|yes|1)[,}]', false
    ) AS is_security_invoker,
    EXISTS (
        SELECT FROM pg_roles
        WHERE pg_has_role(to_regrole(:role), oid, 'MEMBER')
            AND has_schema_privilege(oid, relnamespace, 'USAGE')
            AND (
                has_table_privilege(oid, relation.oid, 'SELECT, INSERT, UPDATE, DELETE')
                OR has_any_column_privilege(oid, relation.oid, 'SELECT, INSERT, UPDATE')
            )
    ) AS is_granted,
    coalesce(
        has_table_privilege(to_regrole(:role), relation.oid, 'INSERT'), false
    ) AS is_insertable,
    coalesce((
        SELECT json_agg(DISTINCT refobjid::regclass::text)
        FROM pg_attrdef
        JOIN pg_depend ON classid = 'pg_attrdef'::regclass AND objid = pg_attrdef.oid
        JOIN pg_class AS sequence ON refclassid = 'pg_class'::regclass AND refobjid = sequence.oid
        WHERE adrelid = relation.oid AND sequence.relkind = 'S'
            AND NOT has_sequence_privilege(to_regrole(:role), sequence.oid, 'USAGE, UPDATE')
    ), '[]') AS ungranted_sequences,
    EXISTS (
        SELECT FROM pg_roles
        WHERE pg_has_role(to_regrole(:role), oid, 'MEMBER')
            AND has_table_privilege(oid, relation.oid, 'TRUNCATE, TRIGGER, REFERENCES')
    ) AS has_unrestricted_privileges,
    EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = relation.oid AND attname = 'tenant_id' AND NOT attisdropped
    ) AS has_tenant_id,
    (
        SELECT string_agg(DISTINCT confrelid::regclass::text, ', ')
        FROM pg_constraint
        JOIN pg_class AS target ON target.oid = confrelid
        WHERE contype = 'f' AND conrelid = relation.oid AND (
            target.relname = 'tenants'
            OR EXISTS (
                SELECT FROM pg_attribute WHERE attrelid = confrelid AND attname = 'tenant_id'
            )
        )
    ) AS referenced_tables,
    (
        SELECT string_agg(conname::text, ', ' ORDER BY conname)
        FROM pg_constraint
        JOIN pg_attribute AS theirs ON theirs.attrelid = confrelid AND theirs.attname = 'tenant_id'
        JOIN pg_attribute AS ours ON ours.attrelid = conrelid AND ours.attname = 'tenant_id'
        WHERE contype = 'f' AND conrelid = relation.oid
            AND NOT (ours.attnum = ANY (conkey) AND theirs.attnum = ANY (confkey))
    ) AS foreign_keys_without_tenant,
    EXISTS (
        SELECT FROM pg_inherits
        JOIN pg_attribute ON attrelid = inhrelid AND attname = 'tenant_id' AND NOT attisdropped
        WHERE inhparent = relation.oid
    ) AS has_tenant_children,
    EXISTS (SELECT FROM pg_rewrite WHERE ev_class = relation.oid AND ev_type <> '1') AS has_rules,
    coalesce((
        SELECT json_agg(json_build_object(
            'name', polname,
            'command', polcmd,
            'permissive', polpermissive,
            'roles', polroles::bigint[],
            'applies', polroles = '{0}' OR EXISTS (
                SELECT FROM unnest(polroles) AS roles (role)
                WHERE pg_has_role(to_regrole(:role), role, 'MEMBER')
            ),
            'using', pg_get_expr(polqual, polrelid),
            'check', pg_get_expr(polwithcheck, polrelid)
        ) ORDER BY polname)
        FROM pg_policy WHERE polrelid = relation.oid
    ), '[]') AS policies
FROM pg_class AS relation JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
    AND relpersistence <> 't'
    AND nspname !~ '^(pg_|information_schema$)'
    AND NOT EXISTS (
        SELECT FROM pg_depend
        WHERE classid = 'pg_class'::regclass AND objid = relation.oid AND deptype = 'e'
    )
ORDER BY name
""")

# SECURITY DEFINER functions that a role can call, except those of extensions.
FUNCTIONS = text("""
SELECT oid::regprocedure::text AS name
FROM pg_proc
WHERE prosecdef
    AND pronamespace::regnamespace::text !~ '^(pg_|information_schema$)'
    AND (
        prorettype IN ('trigger'::regtype, 'event_trigger'::regtype)
        OR has_schema_privilege(to_regrole(:role), pronamespace, 'USAGE')
        AND has_function_privilege(to_regrole(:role), oid, 'EXECUTE')
    )
    AND NOT EXISTS (
        SELECT FROM pg_depend
        WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e'
    )
ORDER BY name
""")


def find_role_gaps(role: CatalogRow) -> Iterator[str]:
    """Yield a message if a role can bypass row-level security."""
    name = role["name"]
    if role["is_superuser"]:
        yield f"{name} is a superuser, or can become one, and sees all rows"
    elif role["bypasses_policies"]:
        yield f"{name} has BYPASSRLS and sees all rows"
    elif role["owns_objects"]:
        yield f"{name} owns tables, functions or the database, and can remove policies"
    elif role["can_escalate"]:
        yield f"{name} can access other roles, or the server's files or programs"
    elif role["can_create"]:
        yield f"{name} can create objects, which could shadow existing ones: REVOKE CREATE"


def find_relation_gaps(
    relations: Iterable[CatalogRow], tenant_tables: Collection[str]
) -> Iterator[str]:
    """Yield a message for each gap through which rows could reach another tenant.

    `tenant_tables` are the metadata keys of the tables that must have a tenant; every relation is
    checked, with or without a tenant.
    """
    for relation in relations:
        if relation["key"] in tenant_tables and not relation["has_tenant_id"]:
            yield f"{relation['name']} lacks tenant_id"
        for gap in find_gaps_for_kind(relation):
            yield f"{relation['name']} {gap}"


def find_gaps_for_kind(relation: CatalogRow) -> Iterator[str]:
    """Yield the gaps of one relation, which depend on its kind."""
    kind, is_granted = relation["kind"], relation["is_granted"]
    if kind in ("r", "p"):
        yield from find_table_gaps(relation)
    elif kind == "v" and is_granted and not relation["is_security_invoker"]:
        yield "is a view with its owner's privileges: set (security_invoker = true)"
    elif kind in ("m", "f") and is_granted:
        yield "does not support policies: revoke the service's privileges"
    if kind != "v" and is_granted and relation["has_rules"]:
        yield "has a rule, which runs with the owner's privileges: use a trigger instead"


def find_table_gaps(table: CatalogRow) -> Iterator[str]:
    """Yield the gaps of one table."""
    if table["is_insertable"] and table["ungranted_sequences"]:
        sequences = ", ".join(table["ungranted_sequences"])
        yield f"uses sequences without privileges for the service: {sequences}"
    if table["has_tenant_id"] or table["key"] == TENANTS_TABLE:
        if not table["is_forced"]:
            yield "lacks ENABLE or FORCE ROW LEVEL SECURITY"
        yield from find_policy_gaps(table)
        if not table["is_granted"]:
            yield "lacks privileges for the service"
        if table["has_unrestricted_privileges"]:
            yield (
                "allows TRUNCATE, TRIGGER or REFERENCES, which policies do not restrict: revoke"
                " them"
            )
        if table["foreign_keys_without_tenant"]:
            yield (
                "can reference rows of other tenants through"
                f" {table['foreign_keys_without_tenant']}: declare the column with foreign_key(),"
                " which adds tenant_id to the key"
            )
    elif table["is_granted"] and table["referenced_tables"]:
        yield (
            f"references tenants' rows in {table['referenced_tables']}: declare it as a model that"
            " extends Record"
        )
    elif table["is_granted"] and table["has_tenant_children"]:
        yield "exposes the rows of tables that inherit from it: add tenant_id"


def find_policy_gaps(table: CatalogRow) -> Iterator[str]:
    """Yield the gaps in a table's policies."""
    policies = {policy["name"]: policy for policy in table["policies"]}
    isolation = policies.pop("tenant_isolation", None)
    maintenance = policies.pop("owner_maintenance", None)
    key = "id" if table["key"] == TENANTS_TABLE else "tenant_id"
    if isolation is None:
        yield "lacks the policy tenant_isolation"
    elif not is_isolation_policy(isolation, key=key):
        yield "has a policy tenant_isolation that differs from the expected one"
    if maintenance is None:
        yield "lacks the policy owner_maintenance"
    elif maintenance["roles"] != [table["owner"]]:
        yield "has a policy owner_maintenance that does not apply to its owner alone"
    for name, policy in policies.items():
        if policy["permissive"] and policy["applies"]:
            yield f"has a policy {name} that could expose rows of other tenants: drop it"


def is_accessible(relation: CatalogRow) -> bool:
    """Return True if the role has any privilege on a relation."""
    return bool(relation["is_granted"] or relation["has_unrestricted_privileges"])


def find_function_gaps(functions: Iterable[CatalogRow], reviewed: Collection[str]) -> Iterator[str]:
    """Yield a message for each SECURITY DEFINER function that is not reviewed."""
    for function in functions:
        if function["name"] not in (*KERNEL_FUNCTIONS, *reviewed):
            yield (
                f"{function['name']} is SECURITY DEFINER and sees all rows: if it isolates tenants,"
                ' add it to Base.metadata.info["reviewed_functions"]'
            )


def is_isolation_policy(policy: CatalogRow, *, key: str) -> bool:
    """Return True if a policy restricts all roles to the rows of the current tenant."""
    expected = normalize_expression(build_tenant_condition(key))
    return (
        policy["command"] == "*"
        and policy["permissive"]
        and policy["roles"] == PUBLIC_ROLES
        and normalize_expression(policy["using"]) == expected
        and normalize_expression(policy["check"]) == expected
    )


def normalize_expression(expression: str | None) -> str:
    """Return an expression without the casts, spaces and parentheses that PostgreSQL adds."""
    normalized = re.sub(r'::text|[\s()]|AS "nullif"', "", expression or "")
    return normalized.replace("NULLIF", "nullif")
