/*
 * link.c: a program that is only linked. It takes a whole module and what lies below it, and
 * nothing above: a call upward is an undefined symbol, and so an error of `make check`.
 */
int main(void);

int main(void)
{
	return 0;
}
