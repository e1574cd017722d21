-- After the documentation of the Northwind sample database: a company that trades in food.

CREATE TABLE categories (
    category_id smallint PRIMARY KEY,
    category_name varchar(15) NOT NULL,
    description text,
    picture bytea
);

CREATE TABLE customers (
    customer_id char(5) PRIMARY KEY,
    company_name varchar(40) NOT NULL,
    contact_name varchar(30),
    contact_title varchar(30),
    city varchar(15),
    region varchar(15),
    postal_code varchar(10),
    country varchar(15),
    phone varchar(24)
);

CREATE TABLE customer_demographics (
    customer_type_id char(10) PRIMARY KEY,
    customer_desc text
);

CREATE TABLE customer_customer_demo (
    customer_id char(5) REFERENCES customers,
    customer_type_id char(10) REFERENCES customer_demographics,
    PRIMARY KEY (customer_id, customer_type_id)
);

CREATE TABLE employees (
    employee_id smallint PRIMARY KEY,
    last_name varchar(20) NOT NULL,
    first_name varchar(10) NOT NULL,
    title varchar(30),
    birth_date date,
    hire_date date,
    photo bytea,
    notes text,
    reports_to smallint REFERENCES employees,
    photo_path varchar(255),
    CHECK (hire_date > birth_date)
);

CREATE TABLE region (
    region_id smallint PRIMARY KEY,
    region_description varchar(60) NOT NULL
);

CREATE TABLE territories (
    territory_id varchar(20) PRIMARY KEY,
    territory_description varchar(60) NOT NULL,
    region_id smallint NOT NULL REFERENCES region
);

CREATE TABLE employee_territories (
    employee_id smallint REFERENCES employees,
    territory_id varchar(20) REFERENCES territories,
    PRIMARY KEY (employee_id, territory_id)
);

CREATE TABLE shippers (
    shipper_id smallint PRIMARY KEY,
    company_name varchar(40) NOT NULL,
    phone varchar(24)
);

CREATE TABLE suppliers (
    supplier_id smallint PRIMARY KEY,
    company_name varchar(40) NOT NULL,
    country varchar(15),
    homepage text
);

CREATE TABLE products (
    product_id smallint PRIMARY KEY,
    product_name varchar(40) NOT NULL,
    supplier_id smallint REFERENCES suppliers,
    category_id smallint REFERENCES categories,
    quantity_per_unit varchar(20),
    unit_price real CHECK (unit_price >= 0),
    units_in_stock smallint DEFAULT 0,
    units_on_order smallint DEFAULT 0,
    reorder_level smallint DEFAULT 0,
    discontinued integer NOT NULL
);
CREATE INDEX ON products (product_name);

CREATE TABLE orders (
    order_id smallint PRIMARY KEY,
    customer_id char(5) REFERENCES customers,
    employee_id smallint REFERENCES employees,
    order_date date,
    required_date date,
    shipped_date date,
    ship_via smallint REFERENCES shippers,
    freight real DEFAULT 0,
    ship_name varchar(40)
);
CREATE INDEX ON orders (order_date);
CREATE INDEX unshipped ON orders (required_date DESC NULLS LAST) WHERE shipped_date IS NULL;

CREATE TABLE order_details (
    order_id smallint REFERENCES orders,
    product_id smallint REFERENCES products,
    unit_price real NOT NULL,
    quantity smallint NOT NULL DEFAULT 1 CHECK (quantity > 0),
    discount real NOT NULL DEFAULT 0 CHECK (discount BETWEEN 0 AND 1),
    PRIMARY KEY (order_id, product_id)
);

CREATE TABLE us_states (
    state_id smallint PRIMARY KEY,
    state_name varchar(100),
    state_abbr varchar(2),
    state_region varchar(50)
);

CREATE VIEW order_subtotals AS
    SELECT order_id, sum(unit_price * quantity * (1 - discount)) AS subtotal
    FROM order_details GROUP BY order_id;

INSERT INTO categories VALUES (1, 'Beverages', 'Soft drinks, coffees, teas', NULL);
INSERT INTO customers (customer_id, company_name, city) VALUES
    ('ALFKI', 'Alfreds Futterkiste', 'Berlin'), ('BONAP', 'Bon app''', 'Marseille');
INSERT INTO employees (employee_id, last_name, first_name, birth_date, hire_date, reports_to) VALUES
    (2, 'Fuller', 'Andrew', '1952-02-19', '1992-08-14', NULL),
    (1, 'Davolio', 'Nancy', '1948-12-08', '1992-05-01', 2);
INSERT INTO region VALUES (1, 'Eastern');
INSERT INTO territories VALUES ('01581', 'Westboro', 1);
INSERT INTO employee_territories VALUES (1, '01581');
INSERT INTO shippers VALUES (1, 'Speedy Express', NULL);
INSERT INTO suppliers VALUES (1, 'Exotic Liquids', 'UK', NULL);
INSERT INTO products VALUES (1, 'Chai', 1, 1, '10 boxes', 18, 39, 0, 10, 0);
INSERT INTO orders VALUES (10248, 'ALFKI', 1, '1996-07-04', '1996-08-01', '1996-07-16', 1, 32.38, 'Alfreds');
INSERT INTO order_details VALUES (10248, 1, 14, 12, 0);
