import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import { type Product, type ProductList, productListSchema, productSchema, skuSchema } from './products.schemas.js';
import { ProductsService } from './products.service.js';

@Controller('products')
export class ProductsController {
  constructor(private readonly products: ProductsService) {}

  @Get()
  @ApiOkResponse({ standardSchema: productListSchema })
  list(): Promise<ProductList> {
    return this.products.list();
  }

  @Get(':sku')
  @ApiOkResponse({ standardSchema: productSchema })
  find(@Param('sku', { schema: skuSchema }) sku: string): Promise<Product> {
    return this.products.find(sku);
  }
}
