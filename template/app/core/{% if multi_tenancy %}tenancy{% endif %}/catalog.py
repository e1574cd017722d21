"""What the database's catalog says of a role, of tables and of functions, and the gaps in it."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import text

from app.core.tenancy.row_security import own_rows

TENANTS = "tenants"
PUBLIC = [0]  # How the catalog has a policy for everybody.
OUR_FUNCTIONS = ("find_tenant(text)", "list_tenants()")

Facts = Mapping[str, Any]

# What the session's role may do, or a role that it may become.
ROLE = text("""
SELECT
    session_user::text AS name,
    bool_or(rolsuper) AS is_superuser,
    bool_or(rolbypassrls) AS bypasses,
    bool_or(rolcreaterole OR rolreplication OR rolname IN (
        'pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'
    )) AS reaches_out,
    bool_or(
        EXISTS (SELECT FROM pg_database WHERE datname = current_database() AND datdba = roles.oid)
        OR EXISTS (SELECT FROM pg_class WHERE relowner = roles.oid AND relpersistence <> 't')
        OR EXISTS (SELECT FROM pg_proc WHERE proowner = roles.oid)
    ) AS owns,
    EXISTS (
        SELECT FROM pg_namespace
        WHERE nspname !~ '^(pg_|information_schema$)'
            AND has_schema_privilege(session_user, oid, 'CREATE')
    ) AS creates
FROM pg_roles AS roles
WHERE pg_has_role(session_user, oid, 'MEMBER')
""")

# Tables and views, but for those of extensions, as a role finds them that may become others.
RELATIONS = text("""
SELECT
    relation.oid::regclass::text AS name,
    concat_ws('.', nullif(nspname, current_schema()), relname) AS key,
    relkind::text AS kind,
    relowner::bigint AS owner,
    relrowsecurity AND relforcerowsecurity AS is_forced,
    coalesce(reloptions::text ~* 'security_invoker=(t|true|on|yes|1)[,}]', false) AS invokes,
    EXISTS (
        SELECT FROM pg_roles
        WHERE pg_has_role(to_regrole(:role), oid, 'MEMBER')
            AND has_schema_privilege(oid, relnamespace, 'USAGE')
            AND (
                has_table_privilege(oid, relation.oid, 'SELECT, INSERT, UPDATE, DELETE')
                OR has_any_column_privilege(oid, relation.oid, 'SELECT, INSERT, UPDATE')
            )
    ) AS is_granted,
    EXISTS (
        SELECT FROM pg_roles
        WHERE pg_has_role(to_regrole(:role), oid, 'MEMBER')
            AND has_table_privilege(oid, relation.oid, 'TRUNCATE, TRIGGER, REFERENCES')
    ) AS is_granted_more,
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
            OR EXISTS (SELECT FROM pg_attribute WHERE attrelid = confrelid AND attname = 'tenant_id')
        )
    ) AS refers_to,
    (
        SELECT string_agg(conname::text, ', ' ORDER BY conname)
        FROM pg_constraint
        JOIN pg_attribute AS theirs ON theirs.attrelid = confrelid AND theirs.attname = 'tenant_id'
        JOIN pg_attribute AS ours ON ours.attrelid = conrelid AND ours.attname = 'tenant_id'
        WHERE contype = 'f' AND conrelid = relation.oid
            AND NOT (ours.attnum = ANY (conkey) AND theirs.attnum = ANY (confkey))
    ) AS loose_keys,
    EXISTS (
        SELECT FROM pg_inherits
        JOIN pg_attribute ON attrelid = inhrelid AND attname = 'tenant_id' AND NOT attisdropped
        WHERE inhparent = relation.oid
    ) AS has_heirs,
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

# Functions that work as their owner, but for those of extensions.
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


def role_gaps(role: Facts) -> Iterator[str]:
    """A sentence for what would let a role pass the policies by."""
    name = role["name"]
    if role["is_superuser"]:
        yield f"{name} is a superuser, or may become one, and sees all rows"
    elif role["bypasses"]:
        yield f"{name} may bypass row-level security"
    elif role["owns"]:
        yield f"{name} owns tables, functions or the database, so that it could lift the policies"
    elif role["reaches_out"]:
        yield f"{name} may reach other roles, or files and programs of the server"
    elif role["creates"]:
        yield f"{name} may create objects, which could take the place of others: REVOKE CREATE"


def gaps(relations: Iterable[Facts], of_tenants: Collection[str]) -> Iterator[str]:
    """A sentence for each way in which rows could reach another tenant, or not reach the service.

    `of_tenants` names the models' tables that must have tenants, by their keys in the metadata; what
    else has tenants is looked at too.
    """
    for relation in relations:
        if relation["key"] in of_tenants and not relation["has_tenant_id"]:
            yield f"{relation['name']} lacks tenant_id"
        for gap in gaps_of(relation):
            yield f"{relation['name']} {gap}"


def gaps_of(relation: Facts) -> Iterator[str]:
    """What is wrong with a relation."""
    kind, is_granted = relation["kind"], relation["is_granted"]
    if kind in ("r", "p"):
        yield from table_gaps(relation)
    elif kind == "v" and is_granted and not relation["invokes"]:
        yield "is a view that reads as its owner: set (security_invoker = true)"
    elif kind in ("m", "f") and is_granted:
        yield "cannot be protected by policies: revoke it from the service"
    if kind != "v" and is_granted and relation["has_rules"]:
        yield "has a rule, which works as the owner: write a trigger instead"


def table_gaps(table: Facts) -> Iterator[str]:
    """What is wrong with a table."""
    if table["has_tenant_id"] or table["key"] == TENANTS:
        if not table["is_forced"]:
            yield "lacks ENABLE or FORCE ROW LEVEL SECURITY"
        yield from policy_gaps(table)
        if not table["is_granted"]:
            yield "is not granted to the service"
        if table["is_granted_more"]:
            yield "is granted TRUNCATE, TRIGGER or REFERENCES, which no policy limits: revoke it"
        if table["loose_keys"]:
            yield (
                f"may refer to rows of other tenants by {table['loose_keys']}: declare the column"
                " by foreign_key(), which adds tenant_id to the key"
            )
    elif table["is_granted"] and table["refers_to"]:
        yield f"refers to rows of tenants, in {table['refers_to']}: make it a model, as a Record"
    elif table["is_granted"] and table["has_heirs"]:
        yield "shows the rows of tables that inherit from it: give it tenant_id"


def policy_gaps(table: Facts) -> Iterator[str]:
    """What is wrong with the policies of a table."""
    policies = {policy["name"]: policy for policy in table["policies"]}
    isolation = policies.pop("tenant_isolation", None)
    maintenance = policies.pop("owner_maintenance", None)
    if isolation is None:
        yield "lacks the policy tenant_isolation"
    elif not isolates(isolation, key="id" if table["key"] == TENANTS else "tenant_id"):
        yield "has a policy tenant_isolation that is not the expected one"
    if maintenance is None:
        yield "lacks the policy owner_maintenance"
    elif maintenance["roles"] != [table["owner"]]:
        yield "has a policy owner_maintenance that is not for its owner"
    for name, policy in policies.items():
        if policy["permissive"] and policy["applies"]:
            yield f"has a policy {name} that may show rows of other tenants: drop it"


def is_reachable(relation: Facts) -> bool:
    """Whether the role may do anything with a relation."""
    return bool(relation["is_granted"] or relation["is_granted_more"])


def function_gaps(functions: Iterable[Facts], reviewed: Collection[str]) -> Iterator[str]:
    """A sentence for each function that works as its owner and that nobody has reviewed."""
    for function in functions:
        if function["name"] not in (*OUR_FUNCTIONS, *reviewed):
            yield (
                f"{function['name']} is SECURITY DEFINER, so that it sees all rows: if it keeps"
                ' tenants apart, add it to Base.metadata.info["reviewed_functions"]'
            )


def isolates(policy: Facts, *, key: str) -> bool:
    """Whether a policy shows everybody the rows of the transaction's tenant, and no others."""
    return (
        policy["command"] == "*"
        and policy["permissive"]
        and policy["roles"] == PUBLIC
        and compact(policy["using"]) == compact(policy["check"]) == compact(own_rows(key))
    )


def compact(expression: str | None) -> str:
    """An expression without what PostgreSQL adds to it when it stores it."""
    plain = re.sub(r'::text|[\s()]|AS "nullif"', "", expression or "")
    return plain.replace("NULLIF", "nullif")
